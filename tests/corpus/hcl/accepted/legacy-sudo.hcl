path "a" { policy = "sudo" }
