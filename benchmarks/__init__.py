"""Speed of jaxgan beside the same networks in PyTorch: `python -m benchmarks`."""
