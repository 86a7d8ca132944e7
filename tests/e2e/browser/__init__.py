"""What a browser does with links and with the page of a share: a real Chromium, a stand-in for S3, and a deployed stack."""
