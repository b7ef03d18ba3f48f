path "a\/b" {}
