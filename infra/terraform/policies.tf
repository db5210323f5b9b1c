data "aws_partition" "current" {}

locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"
}

resource "aws_iam_policy" "daily" {
  name_prefix = "stablecog-daily-"
  description = "What the daily run, status, restore and verify without repair from versions need."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "TellMissingFromForbidden"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "${local.bucket_arn}"
      },
      {
        Sid      = "ReadAndWriteTheArchive"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${local.bucket_arn}/${var.prefix}/*"
      },
      {
        Sid      = "RemoveTheProbe"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = "${local.bucket_arn}/${var.prefix}/.probe-*"
      },
    ]
  })
}

resource "aws_iam_policy" "verify" {
  name_prefix = "stablecog-verify-"
  description = "What verify --repair needs beside the daily policy, to repair from earlier versions."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadEarlierVersions"
        Effect   = "Allow"
        Action   = ["s3:ListBucketVersions", "s3:GetObjectVersion"]
        Resource = ["${local.bucket_arn}", "${local.bucket_arn}/${var.prefix}/*"]
      },
    ]
  })
}

resource "aws_iam_policy" "forget" {
  name_prefix = "stablecog-forget-"
  description = "What forget needs beside the daily policy. Attach it to another user or role."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindVersions"
        Effect   = "Allow"
        Action   = "s3:ListBucketVersions"
        Resource = "${local.bucket_arn}"
      },
      {
        Sid    = "DeleteVersions"
        Effect = "Allow"
        Action = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        Resource = [
          "${local.bucket_arn}/${var.prefix}/images/*",
          "${local.bucket_arn}/${var.prefix}/manifest/*",
          "${local.bucket_arn}/${var.prefix}/runs/*",
          "${local.bucket_arn}/${var.prefix}/damaged/*",
        ]
      },
    ]
  })
}

output "daily_policy_arn" {
  value = aws_iam_policy.daily.arn
}

output "verify_policy_arn" {
  value = aws_iam_policy.verify.arn
}

output "forget_policy_arn" {
  value = aws_iam_policy.forget.arn
}
