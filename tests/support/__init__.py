"""What the tests share: stores that watch their requests, samples, processes, servers, and FlashFlood 0.4.3."""
