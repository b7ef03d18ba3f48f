path "secret/${x}/*" { policy = "read" }
