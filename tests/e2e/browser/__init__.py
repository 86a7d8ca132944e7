"""What a browser does with the function's links: a real Chromium, and a stand-in for S3 on this machine."""
