using Metering.Engine;
using Microsoft.Extensions.Logging;

namespace Metering.Cluster;

/// <summary>Limits that hold on the whole cluster: a grain counts for each subject.</summary>
internal sealed class OrleansCallLimits(IGrainFactory grains, ILogger<OrleansCallLimits> logger) : ICallLimits
{
    /// <inheritdoc />
    public async ValueTask<LimitVerdict> TakeAsync(CallLimit limit, string subject, CancellationToken cancellationToken = default)
    {
        try
        {
            var answer = await grains.GetGrain<ILimitGrain>($"{limit.Name}/{subject}").TakeAsync(limit.Permits, limit.Window).AsTask()
                .WaitAsync(cancellationToken).ConfigureAwait(false);
            return new(answer.IsAllowed, answer.Remaining, answer.ResetsIn);
        }
        catch (Exception exception) when (Delivery.IsTransient(exception, cancellationToken))
        {
            // A silo was lost. Its counts are gone anyway, and a limit must not turn away calls that the account would answer.
            logger.LogWarning("A call was not counted against the limit {Limit}: {Reason}", limit.Name, exception.Message);
            return new(IsAllowed: true, limit.Permits, TimeSpan.Zero);
        }
    }
}
