path "{{" {}
