path "\UFFFFFFFF" {}
