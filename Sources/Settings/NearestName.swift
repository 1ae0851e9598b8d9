/// `names`, the most similar to `word` first; equally similar ones keep their order.
public func sortedByDistance(_ names: [String], to word: String) -> [String] {
  names.enumerated()
    .map { (distance: editDistance($0.element, word), index: $0.offset, name: $0.element) }
    .sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
    .map(\.name)
}

/// The one of the dotted `keys` that was probably meant by `key`, or nil if none is similar.
///
/// The last part counts first, so that `horizon` finds `imitation.horizon`.
func nearestKey(to key: String, among keys: [String]) -> String? {
  func lastPart(_ key: String) -> String { String(key.split(separator: ".").last ?? "") }
  let word = lastPart(key)
  let ranked = keys.map { (name: $0, part: editDistance(lastPart($0), word), whole: editDistance($0, key)) }
  guard let best = ranked.min(by: { ($0.part, $0.whole) < ($1.part, $1.whole) }) else { return nil }
  return best.part <= max(1, word.count / 3) ? best.name : nil
}

/// The fewest letters to insert, delete or replace to turn `a` into `b` (Levenshtein), ignoring case.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.lowercased()), b = Array(b.lowercased())
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}
