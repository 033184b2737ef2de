"""What tests of several rooms share: data makers, drivers of other processes, servers, a browser."""
