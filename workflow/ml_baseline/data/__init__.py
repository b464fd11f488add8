"""From a raw file to cleaned, split and augmented tables; it knows no model."""
