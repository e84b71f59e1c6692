"""What every other part rests on: errors, files, safe text, optional packages, licences."""
