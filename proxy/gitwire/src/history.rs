//! From new commits to the places of their blobs.
