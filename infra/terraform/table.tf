resource "aws_glue_catalog_database" "archive" {
  name = var.database
}

locals {
  columns = [
    { name = "output_id", type = "string" },
    { name = "rendition", type = "string" },
    { name = "generation_id", type = "string" },
    { name = "created_at", type = "timestamp" },
    { name = "started_at", type = "timestamp" },
    { name = "completed_at", type = "timestamp" },
    { name = "output_created_at", type = "timestamp" },
    { name = "output_updated_at", type = "timestamp" },
    { name = "state", type = "string" },
    { name = "uri", type = "string" },
    { name = "source_url", type = "string" },
    { name = "sha256", type = "string" },
    { name = "content_type", type = "string" },
    { name = "error", type = "string" },
    { name = "bytes", type = "bigint" },
    { name = "attempts", type = "int" },
    { name = "archived_at", type = "timestamp" },
    { name = "first_seen_at", type = "timestamp" },
    { name = "last_seen_at", type = "timestamp" },
    { name = "verified_at", type = "timestamp" },
    { name = "deleted_at", type = "timestamp" },
    { name = "prompt_id", type = "string" },
    { name = "prompt", type = "string" },
    { name = "negative_prompt_id", type = "string" },
    { name = "negative_prompt", type = "string" },
    { name = "model_id", type = "string" },
    { name = "scheduler_id", type = "string" },
    { name = "gallery_status", type = "string" },
    { name = "width", type = "int" },
    { name = "height", type = "int" },
    { name = "inference_steps", type = "int" },
    { name = "num_outputs", type = "int" },
    { name = "seed", type = "bigint" },
    { name = "like_count", type = "bigint" },
    { name = "guidance_scale", type = "double" },
    { name = "prompt_strength", type = "double" },
    { name = "is_favorited", type = "boolean" },
    { name = "was_auto_submitted", type = "boolean" },
    { name = "is_public", type = "boolean" },
    { name = "run_id", type = "string" },
    { name = "raw", type = "string" },
    { name = "attempted_at", type = "timestamp" },
    { name = "attempted_url", type = "string" },
    { name = "archived_url", type = "string" },
    { name = "missing_at", type = "timestamp" },
    { name = "found_at", type = "timestamp" },
    { name = "earlier_images", type = "string" },
    { name = "gone_since", type = "timestamp" },
  ]
}

resource "aws_glue_catalog_table" "images" {
  name          = "stablecog_images"
  database_name = aws_glue_catalog_database.archive.name
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    "EXTERNAL"                    = "TRUE"
    "classification"              = "parquet"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "2000-01-01,NOW"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${var.bucket}/${var.prefix}/manifest/dt=$${dt}/"
  }

  partition_keys {
    name = "dt"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${var.bucket}/${var.prefix}/manifest/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = local.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

output "archive" {
  description = "Value of --to."
  value       = "s3://${var.bucket}/${var.prefix}"
}
