"""Records in DynamoDB and objects in S3, with the access patterns written beside the code."""
