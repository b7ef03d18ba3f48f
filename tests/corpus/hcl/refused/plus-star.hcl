path "a/+*" {}
