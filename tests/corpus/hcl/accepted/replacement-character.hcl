path "�" {}
