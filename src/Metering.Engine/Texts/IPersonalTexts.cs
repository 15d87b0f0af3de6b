namespace Metering.Engine;

/// <summary>
/// Erases what customers wrote: the descriptions, references and record ids of an account's entries. Everything else of an entry stays (amounts,
/// times, products, hashes, an operator's reason for a status), and so does the chain's proof, because a link covers a digest of its commit's texts and the digest is kept
/// where the texts were.
/// <para>
/// What follows: transactions are listed with an empty description and without a reference; records are known by their hashes alone, so that
/// they stay paid for and can be refunded, while a list of records cannot name those that were erased; a retry of an idempotency key gets its
/// whole answer, because answers hold no text. What says that something is due ("Monthly credit reset") goes with the rest.
/// </para>
/// <para>
/// Where the bytes are afterwards: in SQLite in none of the ledger's files, logs and free pages included, as far as <see cref="EraseTextsAsync"/>
/// says; in PostgreSQL in no row, but in the server's blocks until they are used again (<c>VACUUM FULL metering.pages</c> writes them anew), in its
/// log until that is recycled, and in every backup and archive, which are erased by themselves. A ledger in memory forgets where
/// they are; the process's memory holds them until it ends.
/// </para>
/// </summary>
public interface IPersonalTexts
{
    /// <summary>
    /// Erases the texts of every commit of an account that is in the ledger when the call begins. Safe beside calls of the account, under load too;
    /// safe to break off and to repeat: what was erased stays erased, and the next call goes on. A commit's texts go together or not at all.
    /// <para>
    /// In SQLite the journal's log is written anew, and a ledger's file of up to 256 MB as well; of a larger one the pages in use are
    /// rewritten and the free ones overwritten, which leaves what SQLite itself moved within a page in use before. Commits go on meanwhile but for
    /// the moment in which the journal is written anew. It takes about a second for 100 MB.
    /// </para>
    /// </summary>
    /// <param name="account">The account; one that is not in the ledger has no texts.</param>
    /// <param name="before">Only commits decided before this instant; null for all.</param>
    /// <param name="cancellationToken">Breaks off between pieces.</param>
    /// <returns>Entries whose texts this call erased.</returns>
    /// <exception cref="LedgerUnavailableException">Not everything is erased now; the same call again goes on.</exception>
    /// <exception cref="Core.LedgerFormatException">An entry of the account is damaged; what lies before it is erased.</exception>
    /// <exception cref="LedgerFatalException">The local store failed, and this process must not go on.</exception>
    ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default);
}
