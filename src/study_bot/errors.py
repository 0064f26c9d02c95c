"""The error tree. Every message is Chinese and says what to do.

StudyBotError
├── SettingsError            设置有误
├── LibraryError             文献处理
│   ├── LoadError            一个文件读不出来（其余文件不受影响）
│   │   ├── EmptyFileError
│   │   ├── DamagedFileError
│   │   ├── EncryptedFileError
│   │   ├── UnsupportedFormatError
│   │   ├── FileTooLargeError
│   │   └── LoadTimeoutError
│   └── SourceNotFoundError
├── SnapshotError              索引
│   ├── NoIndexError
│   ├── DamagedIndexError
│   └── BuildInProgressError
├── ModelError               向量模型
├── LearnedFileError         训练得到的参数文件
├── QuestionError            问题本身不能处理（空、过长）
├── DocumentGoneError        文献或版本已不在库中
├── BusyError                同时提问的人太多
├── DatasetError             评测数据
├── InputError               填写的内容不合要求
├── ConflictError            与已有的内容冲突，或已被他人改动
├── NotFoundError            要找的人员、文献、任务不存在
├── AccessError              身份与权限
│   ├── SignInError          没有登录，或登录没有成功
│   └── ForbiddenError       没有这项权限
├── StorageError             数据库、数据目录
└── BuildCancelledError      按要求停止
"""

from __future__ import annotations


class StudyBotError(Exception):
    """Base of all errors a person should see. `exit_code` is that of the command line."""

    exit_code = 1


class SettingsError(StudyBotError):
    """A setting is missing or contradictory."""

    exit_code = 2


class LibraryError(StudyBotError):
    """Something about the documents."""


class LoadError(LibraryError):
    """One file cannot be read; the others are not affected."""


class EmptyFileError(LoadError):
    """The file holds no text."""


class DamagedFileError(LoadError):
    """The bytes are not what the format says."""


class EncryptedFileError(LoadError):
    """A password is needed."""


class UnsupportedFormatError(LoadError):
    """No loader, or the program that would be needed is not installed."""


class FileTooLargeError(LoadError):
    """A size, page or decompression limit is exceeded."""


class LoadTimeoutError(LoadError):
    """Reading took longer than the limit and was stopped."""


class SourceNotFoundError(LibraryError):
    """The path given does not exist or holds no readable file."""

    exit_code = 2


class SnapshotError(StudyBotError):
    """Something about the index."""


class NoIndexError(SnapshotError):
    """There is no build yet."""

    exit_code = 3


class DamagedIndexError(SnapshotError):
    """A build on disk is incomplete or was changed."""

    exit_code = 3


class BuildInProgressError(SnapshotError):
    """Another process is building."""

    exit_code = 4


class BuildCancelledError(StudyBotError):
    """The build was stopped on request; the live index is untouched."""

    exit_code = 130


class ModelError(StudyBotError):
    """The embedding model cannot be prepared or loaded."""

    exit_code = 5


class LearnedFileError(StudyBotError):
    """A file of learned weights is missing, damaged or of another format."""

    exit_code = 5


class QuestionError(StudyBotError):
    """The question is empty or too long."""

    exit_code = 2


class DocumentGoneError(StudyBotError):
    """The document or version asked for is not in the library (any more)."""

    exit_code = 2


class BusyError(StudyBotError):
    """Too many questions are being answered or waiting."""


class DatasetError(StudyBotError):
    """An evaluation file is not as the format says."""

    exit_code = 2


class InputError(StudyBotError):
    """What was filled in or handed over is not as it must be; nothing was changed."""

    exit_code = 2


class ConflictError(StudyBotError):
    """It is there already, or was changed by somebody else in the meantime; nothing was changed."""

    exit_code = 2


class NotFoundError(StudyBotError):
    """The person, file or task asked for does not exist."""

    exit_code = 2


class AccessError(StudyBotError):
    """Who asks may not have this."""


class SignInError(AccessError):
    """Nobody is signed in, or signing in failed."""


class ForbiddenError(AccessError):
    """The person is known and lacks the right."""


class StorageError(StudyBotError):
    """The database or the data folder cannot be used."""
