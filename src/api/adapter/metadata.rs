//! Metadata in the lists of version 2.

use super::details::date;
use super::filters::text_filter;
use crate::proto::zitadel::metadata::v2::__buffa::oneof::metadata_search_filter::Filter;
use crate::proto::zitadel::metadata::v2::{Metadata, MetadataSearchFilter};
use crate::store::{MetadataRow, TextFilter};

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
