"""The HTTP face: an API under /v1 and a page over one index, and jobs that outlive whatever dies."""
