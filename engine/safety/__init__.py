"""What stands between a bad start and the trader's money: one terminal a folder, no start in a circle, a damaged database, backups."""
