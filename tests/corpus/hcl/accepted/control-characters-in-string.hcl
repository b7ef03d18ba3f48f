path "a	b" {}
