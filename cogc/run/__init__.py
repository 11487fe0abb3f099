"""The Trio shell around the kernel: it carries out effects and brings back events."""
