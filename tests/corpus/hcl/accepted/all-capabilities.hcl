path "a" { capabilities = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }
