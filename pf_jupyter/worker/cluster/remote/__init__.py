"""What travels to Dask's workers, alone and under a name of its own."""
