path "a" { policy = "read"; }
