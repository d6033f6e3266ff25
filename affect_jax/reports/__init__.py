"""Published figures beside ours: tables and figures made from run folders."""
