import CChecksum
import Settings

/// An episode of one of several datasets.
struct EpisodePlace: Hashable {
  /// The dataset's index among them.
  let dataset: Int
  let episode: Int
}

extension [Dataset] {
  /// Episodes that are the same, with what is seen and done and earned in them, wherever they come from: each copy with
  /// the first of them.
  ///
  /// Frames are only compared where all else is the same.
  /// - Throws: what reading frames throws.
  func copies() throws -> [EpisodePlace: EpisodePlace] {
    let places = indices.flatMap { index in
      self[index].episodes.indices.map { EpisodePlace(dataset: index, episode: $0) }
    }
    let alike = try Dictionary(grouping: places) { place in
      try Dataset.goOn(self[place.dataset].name)
      var fingerprint = Fingerprint()
      fingerprint.add(self[place.dataset].episodes[place.episode])
      return fingerprint.value
    }
    var copies = [EpisodePlace: EpisodePlace]()
    for group in alike.values where group.count > 1 {
      for same in try Dictionary(grouping: group, by: { try self[$0.dataset].checksum(ofFrames: $0.episode) }).values {
        for copy in same.dropFirst() { copies[copy] = same[0] }
      }
    }
    return copies
  }
}

extension Dataset {
  fileprivate func checksum(ofFrames episode: Int) throws -> UInt32 {
    var sum: UInt32 = 0
    try forEachFrame(episode: episode, range: 0..<episodes[episode].frameCount) {
      try Self.goOn(name)
      sum = checksum_crc32c(sum, $1.baseAddress, $1.count)
    }
    return sum
  }

  /// Which of `heldOut` are the same as one of `training`.
  public func copies(in heldOut: Range<Int>, of training: Range<Int>) throws -> [Int] {
    let copies = try [self].copies()
    let original = { (episode: Int) in copies[EpisodePlace(dataset: 0, episode: episode)]?.episode ?? episode }
    let learned = Set(training.map(original))
    return heldOut.filter { learned.contains(original($0)) }
  }
}

/// Divides the episodes of datasets at random into those to train on and those to validate on, each dataset's as
/// `split(episodes:)` does. Episodes that are the same are all on the side of the first one, so that nothing is
/// validated on what was trained on; where then none is left to train on, none is held out.
/// - Throws: what reading frames throws.
public func split(
  _ datasets: [Dataset], validationShare: Double, seed: Seed
) throws -> (training: [EpisodeSelection], validation: [EpisodeSelection]) {
  let copies = try validationShare > 0 ? datasets.copies() : [:]
  let heldOut = datasets.enumerated().map {
    Set(split(episodes: $1.episodes.count, validationShare: validationShare, seed: seed.step($0)).validation)
  }
  let isHeldOut = { (place: EpisodePlace) in
    let first = copies[place] ?? place
    return heldOut[first.dataset].contains(first.episode)
  }
  let select = { (side: Bool) in
    try datasets.enumerated().map { index, dataset in
      try EpisodeSelection(
        dataset,
        episodes: dataset.episodes.indices.filter { isHeldOut(EpisodePlace(dataset: index, episode: $0)) == side })
    }
  }
  let training = try select(false)
  guard training.contains(where: { !$0.episodes.isEmpty }) else {
    return (datasets.map { EpisodeSelection($0) }, try datasets.map { try EpisodeSelection($0, episodes: []) })
  }
  return (training, try select(true))
}
