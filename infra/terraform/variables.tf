variable "bucket" {
  description = "Name of the bucket to create; unique across AWS."
  type        = string
}

variable "prefix" {
  description = "The archive's prefix in the bucket, without slashes at its ends."
  type        = string
  default     = "stablecog"

  validation {
    condition     = length(var.prefix) > 0 && trim(var.prefix, "/") == var.prefix
    error_message = "The prefix is empty, or has a slash at an end: write it as stablecog or archives/anna."
  }
}

variable "noncurrent_days" {
  description = "Days after which replaced versions of objects expire."
  type        = number
  default     = 30
}

variable "database" {
  description = "Name of the database in Glue's catalogue."
  type        = string
  default     = "stablecog"
}
