"""What image and mask nodes compute, one operation per file, on tensors and Pillow pictures."""
