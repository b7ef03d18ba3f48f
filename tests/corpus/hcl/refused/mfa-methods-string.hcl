path "a" { mfa_methods = "a" }
