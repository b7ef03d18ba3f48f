path "" {}
