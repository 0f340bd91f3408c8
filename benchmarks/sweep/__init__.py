"""Compare the text layers of a folder of PDFs with poppler's `pdftotext`."""
