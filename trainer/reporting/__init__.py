"""What people read: lines, tables and pages."""
