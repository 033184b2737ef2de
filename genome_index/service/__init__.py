"""HTTP service over one index: an API under /v1, a web page, and jobs that survive a crash."""
