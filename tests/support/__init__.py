"""What tests share: each module is named for what it gives. Test files import from here and never from each other."""
