import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';

/** The moment that a `datetime-local` field names, in the person's own time zone. @returns undefined for an empty field */
export function momentOf(field: string): Timestamp | undefined {
  const date = new Date(field);
  return field === '' || Number.isNaN(date.getTime()) ? undefined : timestampFromDate(date);
}
