"""Folders of photographs, decoded once, and random training patches from them."""
