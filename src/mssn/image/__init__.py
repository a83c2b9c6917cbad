"""Pixels without PyTorch: files, colours, MATLAB-exact resizing."""
