//! Metadata in the lists of version 2.

use super::details::date;
use super::filters::text_filter;
use crate::auth::Admitted;
use crate::error::{Code, Result};
use crate::proto::zitadel::metadata::v2::__buffa::oneof::metadata_search_filter::Filter;
use crate::proto::zitadel::metadata::v2::{Metadata, MetadataSearchFilter};
use crate::store::{MetadataRow, TextFilter};

/// The one who asks for values; none if it may not read them: it is told of none, as if there were none.
///
/// # Errors
/// Any other than that.
pub fn reader(admitted: Result<Option<Admitted>>) -> Result<Option<Admitted>> {
    match admitted {
        Err(error) if matches!(error.code, Code::NotFound | Code::PermissionDenied) => Ok(None),
        other => other,
    }
}

/// The filters of a list.
pub fn filters(filters: &[MetadataSearchFilter]) -> Vec<TextFilter> {
    // The field rules want one of the oneof to be set.
    let filters = filters.iter().filter_map(|filter| filter.filter.as_ref());
    filters.map(|Filter::KeyFilter(f)| text_filter(f.method, &f.key)).collect()
}

/// A value as clients read it.
pub fn message(row: MetadataRow) -> Metadata {
    Metadata {
        creation_date: date(row.stamp.created_at),
        change_date: date(row.stamp.changed_at),
        key: row.id,
        value: row.value,
    }
}
