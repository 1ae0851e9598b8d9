import Spaces

/// What can go wrong with recordings. `file` is a path; `field` is the path of a value inside it, such as
/// `episode_3/rewards`.
public enum DemonstrationError: Error, Equatable, CustomStringConvertible {
  case missing(path: String)
  case notADataset(path: String)
  case unsupportedFormat(file: String, format: String)
  case notHDF5(file: String)
  case cannotRead(path: String, reason: String)
  case beingWritten(file: String)
  case damagedFile(file: String)
  case changedFile(file: String, field: String)
  case changedInUse(file: String)
  case damagedField(file: String, field: String)
  case incompleteField(file: String, field: String)
  case unsupportedField(file: String, field: String, reason: String)
  case storedElsewhere(file: String, field: String, other: String, isThere: Bool)
  case notMinari(file: String)
  case unreadableMetadata(file: String, reason: String)
  case missingField(file: String, field: String)
  case wrongCount(file: String, field: String, found: Int, expected: Int)
  case wrongType(file: String, field: String, found: String, expected: String)
  case wrongShape(file: String, field: String, found: [Int], expected: [Int])
  case unsupportedObservations(file: String, found: String)
  case unsupportedActions(file: String, found: String)
  case noSuchView(dataset: String, reason: String)
  case lossyFrames(file: String, field: String)
  case noEpisodes(file: String)
  case emptyEpisode(file: String, field: String)
  case oneHotActions(file: String, field: String, count: Int)
  case actionsBeyond(dataset: String, what: String, share: Double, low: Float, high: Float, furthest: Float)
  case actionOutOfRange(file: String, field: String, step: Int, action: Int, actions: Range<Int>)
  case classOutOfRange(file: String, field: String, step: Int, found: Int, classes: Range<Int>)
  case wrongAction(file: String, field: String, step: Int, action: Action, actions: ActionSpace)
  case notFinite(file: String, field: String, step: Int)
  case endsEarly(file: String, field: String, step: Int, length: Int)
  case noSuchEpisode(dataset: String, episode: Int, count: Int)
  case noSuchFrames(dataset: String, episode: Int, frames: Range<Int>, count: Int)
  case nothingSelected
  case spacesDiffer(first: String, firstSpaces: String, second: String, secondSpaces: String)
  case episodesTooShort(required: Int, found: Int)
  case invalidIdentifier(String)
  case alreadyExists(path: String)
  case beingRecorded(path: String)
  case cannotWrite(path: String, reason: String)
  case noThread(reason: String)

  public var description: String {
    switch self {
    case .missing(let path):
      "\(path): no such folder; name the folder that holds data/main_data.hdf5"
    case .notADataset(let path):
      "\(path): holds no data/main_data.hdf5; name the folder of one Minari dataset, such as …/ditto/pong-expert-v0"
    case .unsupportedFormat(let file, let format):
      "\(file): 'data_format' is '\(format)'; only 'hdf5' is supported, so write the dataset again with Minari's data_format=\"hdf5\""
    case .notHDF5(let file):
      "\(file): is not an HDF5 file; copy or record the dataset again"
    case .cannotRead(let path, let reason):
      "\(path): cannot be read (\(reason)); check the path and its permissions"
    case .beingWritten(let file):
      "\(file): is still being written, or was not closed; wait until that is done, or, where nothing writes it any more, run h5clear -s on it"
    case .damagedFile(let file):
      "\(file): the HDF5 file is truncated or damaged; copy or record the dataset again"
    case .changedFile(let file, let field):
      "\(file): is not as it was recorded: its checksum is another than '\(field)' in metadata.json says; copy or record the dataset again, or, where another program "
        + "changed it on purpose, remove all that is called ditto_…crc32c there"
    case .changedInUse(let file):
      "\(file): was changed while it was in use; nothing is kept of what was learned since the last checkpoint. Restore the file, and go on by --resume, or by the same command where there is no checkpoint"
    case .damagedField(let file, let field):
      "\(file): '\(field)' is damaged; copy or record the dataset again"
    case .incompleteField(let file, let field):
      "\(file): '\(field)' has values that were never written, or that are lost since the index of its chunks is damaged; copy or record the dataset again"
    case .unsupportedField(let file, let field, let reason):
      "\(file): '\(field)' \(reason)"
    case .storedElsewhere(let file, let field, let other, let isThere):
      "\(file): '\(field)' is kept in another file, '\(other)', which is \(isThere ? "not read" : "gone"); "
        + (isThere ? "copy its values into this one" : "put it back, or copy the dataset again with all its files")
    case .notMinari(let file):
      "\(file): is HDF5 but no Minari dataset (no metadata.json beside it, no 'total_episodes' in it); "
        + "convert it with minari.create_dataset_from_buffers"
    case .unreadableMetadata(let file, let reason):
      "\(file): is not the JSON that Minari writes (\(reason)); restore it from the dataset's source"
    case .missingField(let file, let field):
      "\(file): '\(field)' is missing; record or download the dataset again"
    case .wrongCount(let file, let field, let found, let expected):
      "\(file): '\(field)' is \(found), but main_data.hdf5 holds \(expected); restore both files from the dataset's source"
    case .wrongType(let file, let field, let found, let expected):
      "\(file): '\(field)' holds \(found), expected \(expected); write the dataset again with that type"
    case .wrongShape(let file, let field, let found, let expected):
      "\(file): '\(field)' has shape \(found), expected \(expected); record the dataset again"
    case .unsupportedObservations(let file, let found):
      """
      \(file): observations are \(found); there are networks for uint8 pictures of \(ObservationSpace.sides.lowerBound) to \(ObservationSpace.sides.upperBound) pixels in height and width, \
      as [Y, X], [Y, X, C] or [C, Y, X], for boxes of other numbers, for Discrete, MultiDiscrete and MultiBinary, and for Dict and Tuple of them
      """
    case .unsupportedActions(let file, let found):
      "\(file): actions are \(found); there are policies for Discrete, MultiDiscrete, MultiBinary, boxes of numbers, and Dict and Tuple of them"
    case .noSuchView(let dataset, let reason):
      "\(dataset): \(reason); change observation.fields, observation.crop or observation.resize"
    case .lossyFrames(let file, let field):
      "\(file): '\(field)' holds frames compressed as JPEG, which loses detail; record raw ones "
        + "(with Minari: jpeg_encoding=False for DataCollector or create_dataset_from_buffers, or observations of shape [1, Y, X])"
    case .noEpisodes(let file):
      "\(file): holds no episodes; record at least one"
    case .emptyEpisode(let file, let field):
      "\(file): '\(field)' has no steps; record the dataset without empty episodes"
    case .oneHotActions(let file, let field, let count):
      "\(file): '\(field)' has \(count) numbers a step where one of \(count) actions belongs, as if they were one-hot; store each action's number (in Python: actions.argmax(-1))"
    case .actionsBeyond(let dataset, let what, let share, let low, let high, let furthest):
      """
      \(dataset): \(what) is beyond its bounds, \(low) to \(high), in \(share.formatted(.percent.precision(.fractionLength(1)))) of the recorded steps, as far as \(furthest); \
      correct the action space or the recording, or learn within what was recorded: --set actions.bounds=recorded, a setting of the world model, if there is one
      """
    case .actionOutOfRange(let file, let field, let step, let action, let actions):
      "\(file): '\(field)' is \(action) at step \(step), but actions are \(actions); correct the action space or the recording"
    case .classOutOfRange(let file, let field, let step, let found, let classes):
      "\(file): '\(field)' is \(found) at step \(step), but its classes are \(classes); correct the observation space or the recording"
    case .wrongAction(let file, let field, let step, let action, let actions):
      "\(file): '\(field)' is \(action) at step \(step), which is none of \(actions); correct the recording"
    case .notFinite(let file, let field, let step):
      "\(file): '\(field)' is not a finite number, or is beyond any scale, at step \(step); correct the recording"
    case .endsEarly(let file, let field, let step, let length):
      "\(file): '\(field)' is set at step \(step) of \(length), but only the last step can end an episode; split the episode there"
    case .noSuchEpisode(let dataset, let episode, let count):
      "\(dataset): has no episode \(episode); episodes are \(0..<count)"
    case .noSuchFrames(let dataset, let episode, let frames, let count):
      "\(dataset): episode \(episode) has no frames \(frames); its frames are \(0..<count)"
    case .nothingSelected:
      "no episodes are selected; name at least one"
    case .spacesDiffer(let first, let firstSpaces, let second, let secondSpaces):
      "\(second) has \(secondSpaces), but \(first) has \(firstSpaces); use datasets of the same spaces together"
    case .episodesTooShort(let required, let found):
      "a sequence takes \(required) frames, but the selected episodes have \(found) together; lower the sequences' length (sequences.length, --steps) or add episodes"
    case .invalidIdentifier(let id):
      "'\(id)' is no dataset id; use letters, digits, '-', '_' and a version, such as 'ditto/road-expert-v0'"
    case .alreadyExists(let path):
      "\(path): exists already; choose another id or remove it"
    case .noThread(let reason):
      "cannot start a thread to read ahead (\(reason)); raise the limit of processes (ulimit -u, or the container's), or end some"
    case .beingRecorded(let path):
      "\(path): another process is recording it; wait for its end, or choose another output"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written (\(reason)); check free space and permissions"
    }
  }
}
