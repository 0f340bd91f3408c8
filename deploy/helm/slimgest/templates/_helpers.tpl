{{/* Labels that select the pods of a component: (dict "root" $ "component" "api"). They never change. */}}
{{- define "slimgest.selector" -}}
app.kubernetes.io/name: slimgest
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "slimgest.labels" -}}
{{ include "slimgest.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The name and the labels of a resource. */}}
{{- define "slimgest.metadata" -}}
name: {{ .root.Release.Name }}-{{ .component }}
labels:
  {{- include "slimgest.labels" . | nindent 2 }}
{{- end }}

{{/* The metadata of a pod. A change of the settings replaces it. */}}
{{- define "slimgest.podMetadata" -}}
labels:
  {{- include "slimgest.labels" . | nindent 2 }}
annotations:
  checksum/settings: {{ include "slimgest.settings" .root | sha256sum }}
{{- end }}

{{/* The part that the specifications of all pods share. */}}
{{- define "slimgest.pod" -}}
automountServiceAccountToken: false
securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image of slimgest, or that of the workers: (dict "root" $ "image" .Values.worker.image). */}}
{{- define "slimgest.image" -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (default dict .image) -}}
image: {{ $image.repository }}:{{ default .root.Chart.AppVersion $image.tag }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{- define "slimgest.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The variables of the settings ConfigMap. */}}
{{- define "slimgest.settings" -}}
{{- $fixed := dict "SLIMGEST_STORAGE_URL" .Values.storage.url -}}
{{- if .Values.storage.claim }}{{ $_ := set $fixed "SLIMGEST_STORAGE_URL" "/data/jobs" }}{{ end -}}
{{- with .Values.ingress.trustedProxies }}{{ $_ := set $fixed "SLIMGEST_TRUSTED_PROXIES" . }}{{ end -}}
{{- /* Each worker pod is one worker with one thread. The root file system is read-only. */ -}}
{{- $pod := dict "SLIMGEST_NUM_WORKERS" "1" "OMP_NUM_THREADS" "1" "HOME" "/tmp" "TMPDIR" "/tmp" -}}
{{- toYaml (mergeOverwrite $pod .Values.storage.env .Values.settings $fixed) -}}
{{- end }}

{{/* Where a container of slimgest gets its environment from. Its own `env` entries follow. */}}
{{- define "slimgest.environment" -}}
envFrom:
  - configMapRef: {name: {{ .Release.Name }}-settings}
  - secretRef: {name: {{ .Values.storage.secret }}, optional: true}
env:
  - name: REDIS_PASSWORD
    valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: redis-password}}
  - name: SLIMGEST_REDIS_URL
    {{- if .Values.redis.enabled }}
    value: redis://:$(REDIS_PASSWORD)@{{ .Release.Name }}-redis:6379/0
    {{- else }}
    value: {{ required "redis.url is needed where redis.enabled is false" .Values.redis.url | quote }}
    {{- end }}
{{- end }}

{{- define "slimgest.webhookSecret" -}}
- name: SLIMGEST_WEBHOOK_SECRET
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: webhook-secret, optional: true}}
{{- end }}

{{/* The mounts and volumes of a pod of slimgest: (dict "root" $ "tmp" "8Gi"). */}}
{{- define "slimgest.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.storage.claim }}
- {name: jobs, mountPath: /data}
{{- end }}
{{- end }}

{{- define "slimgest.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .tmp }}}
{{- with .root.Values.storage.claim }}
- name: jobs
  persistentVolumeClaim: {claimName: {{ . }}}
{{- end }}
{{- end }}
