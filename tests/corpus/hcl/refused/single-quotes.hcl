path 'a' {}
