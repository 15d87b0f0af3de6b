using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Payments;

/// <summary>
/// Documents that no build of this kind can have written: a damaged row, or one by a later build. They are passed over, so that they hold up
/// nothing else, and told, so that somebody mends them.
/// </summary>
internal sealed class UnreadableDocuments(PaymentMetrics metrics, ILogger<UnreadableDocuments> logger)
{
    /// <summary>When a document that is due is looked at again.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromHours(1);

    /// <summary>A document could not be read.</summary>
    public void Tell(PaymentDocument document, Exception error)
    {
        metrics.UnreadableDocument(document.Kind);
        logger.LogError("The payment document {Kind} {Id} cannot be read and is passed over: {Message}", document.Kind, document.Id, error.Message);
    }
}
