namespace Metering.Engine;

/// <summary>Rules that every payment store keeps, and which one goes with which directory.</summary>
internal static class PaymentStores
{
    /// <summary>The store in the same place as a directory; one that only says so where a host's own kind of directory has none.</summary>
    public static IPaymentStore Beside(IDirectoryStore directory) => directory switch
    {
        SqliteDirectoryStore sqlite => new SqlitePaymentStore(sqlite),
        PostgreSqlDirectoryStore postgres => new PostgreSqlPaymentStore(postgres),
        MemoryDirectoryStore => new MemoryPaymentStore(),
        _ => new AbsentPaymentStore(directory.GetType().Name),
    };

    /// <summary>The changes in one order for all, so that two saves never wait for each other's documents.</summary>
    /// <exception cref="ArgumentException">A change breaks a rule of <see cref="PaymentDocument"/>, or a document comes twice.</exception>
    public static PaymentChange[] Checked(IReadOnlyList<PaymentChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        PaymentChange[] ordered =
            [.. changes.OrderBy(change => change.Document.Kind, StringComparer.Ordinal).ThenBy(change => change.Document.Id, StringComparer.Ordinal)];
        for (var index = 0; index < ordered.Length; index++)
        {
            var document = ordered[index].Document;
            if (!IsName(document.Kind) || !IsName(document.Id) || !document.Keys.All(IsName) || document.Json.Length > PaymentDocument.MaxJson)
            {
                throw new ArgumentException($"The document {document.Kind} {document.Id} has a name or a content that is too short or too long.", nameof(changes));
            }

            if (index > 0 && ordered[index - 1].Document is { } before && before.Kind == document.Kind && before.Id == document.Id)
            {
                throw new ArgumentException($"The document {document.Kind} {document.Id} is changed twice in one save.", nameof(changes));
            }
        }

        return ordered.Length > 0 ? ordered : throw new ArgumentException("A save needs a change.", nameof(changes));
    }

    private static bool IsName(string? text) => text is { Length: > 0 and <= PaymentDocument.MaxName };
}
