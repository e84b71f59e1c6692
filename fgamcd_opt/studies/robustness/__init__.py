"""What channel errors do to one broadcast."""
