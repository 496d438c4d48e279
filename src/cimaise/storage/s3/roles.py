"""Who does what in a bucket: three accounts, of which each can do nothing to spare."""

from dataclasses import dataclass

from cimaise.storage.s3.control import Control


@dataclass(frozen=True, slots=True)
class Roles:
    """Control calls as each of the accounts; the same thing where the credentials are the same.

    Attributes:
        main: Reads, writes, copies, joins parts.
        presigner: Signs URLs; called only to find out what it may do.
        cleanup: Deletes, aborts, lists.
    """

    main: Control
    presigner: Control
    cleanup: Control

    @property
    def are_one(self) -> bool:
        """One credential does it all."""
        return self.main is self.presigner is self.cleanup

    def close(self) -> None:
        """End the threads and connections of each."""
        for control in {id(one): one for one in (self.main, self.presigner, self.cleanup)}.values():
            control.close()
