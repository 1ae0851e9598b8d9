import Foundation

/// What can go wrong with a run's folder and what it logs.
public enum RunError: Error, Equatable, CustomStringConvertible {
  case folderInUse(String)
  case lockedByAnotherProcess(String)
  case notARun(String, reason: String)
  case damagedRun(String, reason: String)
  case wrongKind(String, expected: String, found: String)
  /// Written by a later version, which is named where the run names it.
  case unsupportedFormat(String, found: Int, supported: Int, version: String? = nil)
  case cannotWrite(String, reason: String)
  case wrongFormat(String, written: [String])
  case cannotRead(String, reason: String)
  case damagedCheckpoint(String, reason: String)
  /// Of what is in a run's folder.
  case ofAnotherRun(String)
  case nonFiniteMetric(String, value: String, step: Int)

  public var description: String {
    switch self {
    case .folderInUse(let path):
      "\(path): is not empty; go on with that run by --resume, or choose another --output"
    case .lockedByAnotherProcess(let path):
      "\(path): another process is using this run; stop it first, or choose another --output"
    case .notARun(let path, let reason):
      "\(path): is not a run's folder (\(reason)); name the --output of an earlier run"
    case .damagedRun(let path, let reason):
      "\(path): damaged run (\(reason)); restore that file, or begin a new run"
    case .wrongKind(let path, let expected, let found):
      "\(path): is a run of kind '\(found)', expected '\(expected)'; name another folder"
    case .unsupportedFormat(let path, let found, let supported, let version):
      "\(path): has format \(found), this version reads up to \(supported); use the version that wrote it\(version.map { ": \($0)" } ?? "")"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written (\(reason)); \(Self.advice(reason))"
    case .wrongFormat(let path, let written):
      "\(path): would hold \(written.map { $0.uppercased() }.joined(separator: " or ")), which is all that is written here; name it .\(written.joined(separator: " or ."))"
    case .cannotRead(let path, let reason):
      "\(path): cannot be read (\(reason)); check the path and its permissions"
    case .damagedCheckpoint(let path, let reason):
      "\(path): damaged checkpoint (\(reason)); delete it or use an older one"
    case .ofAnotherRun(let path):
      "\(path): belongs to another run than the folder that it is in; put this run's own back"
    case .nonFiniteMetric(let key, let value, let step):
      "metric '\(key)' is \(value) at step \(step); begin a new run with a lower learning rate"
    }
  }

  /// What helps where something cannot be written for a reason that the system gave.
  private static func advice(_ reason: String) -> String {
    let isOne = { (codes: [Int32]) in codes.contains { String(cString: strerror($0)) == reason } }
    if isOne([ENOSPC, EDQUOT, EFBIG]) { return "free some space or write it elsewhere" }
    if isOne([ENOENT, ENOTDIR]) { return "make the folder first, or write it elsewhere" }
    if isOne([ENAMETOOLONG]) { return "give it a shorter name" }
    if isOne([EACCES, EPERM, EROFS]) { return "write it where you may" }
    return "write it elsewhere"
  }
}
